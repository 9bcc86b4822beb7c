"""Turn templates and a customer into what the customer reads."""
