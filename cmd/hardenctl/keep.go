package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/apply"
	"github.com/hardenctl/hardenctl/internal/host/generation"
	"github.com/hardenctl/hardenctl/internal/host/journal"
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

// apply applies a reading, on trial or for good, and keeps it as a generation
// once it is for good. Once it is applied, an error is about what comes after.
func (t target) apply(ctx context.Context, r *host.Reading, within time.Duration, progress func(string)) (outcome, error) {
	o := outcome{Plan: r.Plan}
	err := t.stage(r)
	if err != nil {
		return o, err
	}
	if within > 0 {
		o.Trial, err = try(ctx, r, within, progress)
	} else {
		o.Generation, err = r.Apply(ctx, progress)
	}
	o.Applied = err == nil || errors.As(err, new(*apply.Untidy))
	if !o.Applied {
		err = errors.Join(err, discard())
	}
	return o, err
}

// giveBack keeps a rollback to what the host had before hardenctl that finds
// nothing to change, as where somebody has taken all of it out by hand: without a
// generation of it the next boot would close the host.
func (t target) giveBack(r *host.Reading) error {
	if !t.bundle.Manifest.Before {
		return nil
	}
	if newest, _, err := generation.Host.Newest(); err != nil || newest.Manifest.Before {
		return err
	}
	if err := t.stage(r); err != nil {
		return err
	}
	_, err := generation.Host.Commit()
	return err
}

// discard removes the generation that was staged for an apply that has failed,
// unless the journal says that it is still under way: one that was confirmed
// becomes a generation when the next command brings it to its end.
func discard() error {
	if _, err := journal.Read(); !errors.Is(err, journal.ErrNone) {
		return nil
	}
	return generation.Host.Discard()
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
