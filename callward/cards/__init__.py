"""Payment-card data: found in text and in speech, and taken out."""
