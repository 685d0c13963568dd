package durable

import (
	"github.com/hardenctl/hardenctl/compiler/document"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// WriteJSON replaces a document, root's alone.
func WriteJSON(path string, v any) error { return Write(path, document.Encode(v), 0o600) }

// ReadJSON reads a document that WriteJSON wrote, with the bounds and the errors
// of safepath.ReadFile and document.Kind.Decode.
func ReadJSON(path string, kind document.Kind, into any) error {
	text, err := safepath.ReadFile(path)
	if err != nil {
		return err
	}
	return kind.Decode(text, into)
}
