"""What all three programs stand on, and how they are deployed."""
