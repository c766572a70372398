"""The console command `postgen`, one module a command."""
