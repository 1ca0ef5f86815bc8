"""The libraries, each as its users open, use and close a socket."""
