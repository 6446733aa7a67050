"""Where partners, customers and their programs answer: pages and API."""
