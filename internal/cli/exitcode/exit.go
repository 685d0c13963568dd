package exitcode

import (
	"fmt"
)

// ExitError is an error that ends the process with a code of its own. A nil err
// prints nothing: the command has said all.
type ExitError struct {
	Code int
	Err  error
}

// Error says what went wrong.
func (e ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns what went wrong, nil if the command has said it.
func (e ExitError) Unwrap() error { return e.Err }
