"""Links in messages, and the pages that customers see when they follow them."""
