"""A season of a shop: made-up customers live with every journey, in virtual time."""
