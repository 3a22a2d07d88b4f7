module github.com/donjon-httpd/donjon

go 1.26
