package compattests

import (
	"database/sql"
	"os"

	_ "modernc.org/sqlite" // makes the files
)

// makeDatabase makes an SQLite file that the server may write to, by the
// statements in another file.
func makeDatabase(file, statements string) error {
	text, err := os.ReadFile(statements)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(string(text)); err != nil {
		return err
	}
	return os.Chmod(file, 0o666)
}
