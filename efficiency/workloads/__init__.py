"""What is measured: architectures, data, and the catalogue that names them."""
