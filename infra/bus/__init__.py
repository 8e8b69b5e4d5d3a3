"""How messages travel: commands to their owners, orders to pods, news to whoever listens."""
