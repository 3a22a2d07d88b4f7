module github.com/donjon-httpd/donjon

go 1.26

require (
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
)
