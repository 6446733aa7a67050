"""Where documents live: MongoDB. `driver` is the one module that knows the driver."""
