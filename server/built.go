package server

// BuiltWith is what the program was built with, each as behind "-D" in what -V
// shows; the program sets it.
var BuiltWith []string
