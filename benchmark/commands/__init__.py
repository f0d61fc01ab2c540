"""The commands of `seada-bench`, a module each; one is loaded when it is called."""
