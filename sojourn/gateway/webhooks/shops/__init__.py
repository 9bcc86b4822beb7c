"""Shops whose webhooks become events: a cart, an order, a customer. One file per kind of shop."""
