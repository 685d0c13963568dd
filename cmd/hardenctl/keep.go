package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hardenctl/compiler/bundle"
	"hardenctl/host"
	"hardenctl/host/apply"
	"hardenctl/host/generation"
)

// target is what an apply moves the host to, and where that comes from.
type target struct {
	bundle *bundle.Bundle
	// saved is the plan that holds the bundle; nil if there is none.
	saved *host.SavedPlan
	// sources is what the bundle was compiled from.
	sources []generation.Source
	// from is the generation that is rolled back to; 0 for none.
	from int
}

// apply applies a reading and keeps it as a generation. Once it is applied, an
// error is about what comes after.
func (t target) apply(ctx context.Context, r *host.Reading, progress func(string)) (outcome, error) {
	o := outcome{Plan: r.Plan}
	if err := t.stage(r); err != nil {
		return o, err
	}
	err := r.Apply(ctx, progress)
	o.Applied = err == nil || errors.As(err, new(*apply.Untidy))
	var kept error
	o.Generation, kept = keep(o.Applied)
	return o, errors.Join(err, kept)
}

// stage writes the generation that an apply will make, before it changes
// anything: a disk that is full refuses the apply then.
func (t target) stage(r *host.Reading) error {
	return generation.Host.Stage(generation.Content{
		Bundle: t.bundle, Sources: t.sources, Before: r.Have, Changes: r.Plan.Summary, From: t.from,
		When: time.Now(), Who: generation.Caller(), Command: commandLine(),
	})
}

// commandLine is the command as it was called, without the program's folder.
func commandLine() []string {
	return append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...)
}

// keep makes what is staged a generation if the apply came to its end, and gives
// it up if not. An error beside a number is about older generations.
func keep(applied bool) (number int, err error) {
	if !applied {
		return 0, generation.Host.Discard()
	}
	number, err = generation.Host.Commit()
	if number == 0 {
		return 0, fmt.Errorf("the new state is live and saved, but not as a generation to go back to: %w", err)
	}
	return number, err
}
