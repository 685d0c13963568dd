package main

import (
	"encoding/json"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"hardenctl/compiler/diag"
)

// diagnostics is the JSON form of what is wrong with a profile.
type diagnostics struct {
	Diagnostics diag.List `json:"diagnostics"`
	Errors      int       `json:"errors"`
	Warnings    int       `json:"warnings"`
}

func diagnosticsView(list diag.List) diagnostics {
	view := diagnostics{Diagnostics: list}
	if list == nil {
		view.Diagnostics = diag.List{}
	}
	for _, d := range list {
		if d.Severity == diag.Error {
			view.Errors++
		} else {
			view.Warnings++
		}
	}
	return view
}

// writeJSON writes a value as indented JSON.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// colourful reports whether output to w shall have colours: on a terminal that
// knows them, unless NO_COLOR is set (no-color.org).
func colourful(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
