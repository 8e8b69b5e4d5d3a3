"""What Chroom's requests and answers look like. Its words stop here."""
