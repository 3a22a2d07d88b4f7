package main

// What the program assumes unless told otherwise: the layout of an Apache
// installed from source. Packagers set theirs with
// -ldflags "-X main.defaultRoot=/etc/apache2 -X main.defaultConfig=apache2.conf".
var (
	defaultRoot     = "/usr/local/apache2" // HTTPD_ROOT
	defaultConfig   = "conf/httpd.conf"    // SERVER_CONFIG_FILE
	defaultPidFile  = "logs/httpd.pid"     // DEFAULT_PIDLOG
	defaultErrorLog = "logs/error_log"     // DEFAULT_ERRORLOG
	defaultTypes    = "conf/mime.types"    // AP_TYPES_CONFIG_FILE
)
