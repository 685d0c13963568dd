// Package document reads and writes JSON that states its format: a number in the
// field "format", which grows whenever the fields change. A document of another
// format and a broken one give different errors: another version of hardenctl can
// read the first, and no version can read the second.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kind is a kind of document.
type Kind struct {
	// Name is what messages call it, such as "journal".
	Name string
	// Format is the format that is written.
	Format int
	// Oldest is the first format that is read; 0 for Format alone.
	Oldest int
	// Exact is for documents that are not edited by hand: a text is broken if Encode
	// makes other bytes of what was read.
	Exact bool
}

// FormatError is the error of a document of a format that is not read.
type FormatError struct {
	Kind Kind
	// Format is what the document states; 0 if it states none.
	Format int
}

// Error says what is wrong: "unsupported journal format 3 (expected 2)".
func (e *FormatError) Error() string {
	return fmt.Sprintf("unsupported %s format %d (expected %s)", e.Kind.Name, e.Format, e.Kind.formats())
}

// BrokenError is the error of a text that is not a whole document of its kind.
type BrokenError struct {
	Kind Kind
	Err  error
}

// Error says what is wrong: "the journal is not as it was written (unexpected EOF)".
func (e *BrokenError) Error() string {
	return fmt.Sprintf("the %s is not as it was written (%v)", e.Kind.Name, e.Err)
}

// Unwrap returns what the reader of JSON says.
func (e *BrokenError) Unwrap() error { return e.Err }

func (k Kind) formats() string {
	if k.Oldest == 0 || k.Oldest == k.Format {
		return fmt.Sprint(k.Format)
	}
	return fmt.Sprintf("%d to %d", k.Oldest, k.Format)
}

// Decode reads a document. The error is a *FormatError for another format, and
// else a *BrokenError, also for a field that the type does not have.
func (k Kind) Decode(text []byte, into any) error {
	var head struct {
		Format int `json:"format"`
	}
	if json.Unmarshal(text, &head) == nil && !k.reads(head.Format) {
		return &FormatError{k, head.Format}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return &BrokenError{k, err}
	}
	if _, err := decoder.Token(); err != io.EOF {
		return &BrokenError{k, errors.New("text after the end")}
	}
	if k.Exact && !bytes.Equal(text, Encode(into)) {
		return &BrokenError{k, errors.New("bytes that are not those of its fields")}
	}
	return nil
}

func (k Kind) reads(format int) bool {
	return format == k.Format || k.Oldest > 0 && k.Oldest <= format && format <= k.Format
}

// Encode returns a value, which is plain data, as indented JSON that ends in a
// newline.
func Encode(v any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("document: a document is plain data, and yet: %v", err))
	}
	return text.Bytes()
}
