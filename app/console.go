package app

import "net/http"

// openConsole builds the staff's pages.
func (a *App) openConsole() error {
	a.Console = http.NotFoundHandler()
	return nil
}
