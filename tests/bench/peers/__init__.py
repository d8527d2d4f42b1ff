"""Echo bots made with other libraries as their own pages show it, to be measured beside. Each is a program by itself."""
