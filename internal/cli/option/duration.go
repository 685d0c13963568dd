package option

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
)

// duration is the value of a flag that takes a time. It is checked with the command
// line, before any work.
type duration struct {
	length  time.Duration
	allowed func(time.Duration) error
}

// Duration adds a flag that takes a time, which is never negative. allowed returns
// why another time is not taken; nil for none.
func Duration(cmd *cobra.Command, name string, length time.Duration, usage string, allowed func(time.Duration) error) *time.Duration {
	d := &duration{length, allowed}
	cmd.Flags().Var(d, name, usage)
	return &d.length
}

// Set reads what a flag was given.
func (d *duration) Set(text string) error {
	length, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return err
	case d.allowed != nil:
		err = d.allowed(length)
	case length < 0:
		err = errors.New("must not be negative")
	}
	if err == nil {
		d.length = length
	}
	return err
}

// String returns the time.
func (d *duration) String() string { return d.length.String() }

// Type is what help calls the value.
func (d *duration) Type() string { return "duration" }
