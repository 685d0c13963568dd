package kernelset

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	ipset "github.com/lrh3321/ipset-go"

	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// The kernel releases a set a moment after the last rule that named it went:
// Destroy asks so often, so far apart, before it believes that it is in use.
const (
	destroyTries = 50
	destroyPause = 20 * time.Millisecond
)

// maxLine is the most bytes that ipset 7.17 reads as one line; it takes the
// rest for another.
const maxLine = 1022

// Create makes sets with `ipset restore`. A set that exists is an error. It is not
// atomic: on an error, the sets before that one exist. The error is of package tool
// and names the line.
func Create(ctx context.Context, sets ...setfile.Set) error {
	if len(sets) == 0 {
		return nil
	}
	var text []byte
	for _, s := range sets {
		line := s.String()
		if len(line) > maxLine {
			return fmt.Errorf("cannot create sets: the line %.60q… is longer than %d bytes", line, maxLine)
		}
		text = append(append(text, line...), '\n')
	}
	_, err := tool.Run(ctx, tool.Command{Name: "ipset", Args: []string{"restore"}, Stdin: text})
	if err != nil {
		return fmt.Errorf("cannot create sets: %w", err)
	}
	return nil
}

// Restore gives `ipset restore` a whole file, whatever commands are in it. It is
// not atomic. An empty text is not an error.
func Restore(ctx context.Context, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	_, err := tool.Run(ctx, tool.Command{Name: "ipset", Args: []string{"restore"}, Stdin: text})
	return err
}

// Save returns what `ipset save` prints: every set with its members.
func Save(ctx context.Context) ([]byte, error) {
	out, err := tool.Run(ctx, tool.Command{Name: "ipset", Args: []string{"save"}, Timeout: loadTimeout})
	if err != nil {
		return nil, fmt.Errorf("cannot save sets: %w", err)
	}
	return out, nil
}

// loadTimeout is how long Load may take: a million entries take 6 s on an
// idle machine.
var loadTimeout = 5 * time.Minute

// Load is Restore for sets some of which may be there, and may hold some of
// their members. A set of that name that is of another kind is an error.
func Load(ctx context.Context, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	_, err := tool.Run(ctx, tool.Command{Name: "ipset", Args: []string{"-exist", "restore"}, Stdin: text, Timeout: loadTimeout})
	return err
}

// Flush takes all members out of a set, in one step for packets.
func Flush(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := viaLibrary(func() error { return ipset.Flush(name) }); err != nil {
		return fmt.Errorf("cannot flush set %s: %w", name, err)
	}
	return nil
}

// Swap exchanges the names of two sets, in one step for packets: a rule that
// names a matches against what b held. Both must exist and be of one type and
// family; they may differ in timeout, maxelem and hashsize.
func Swap(a, b string) error {
	if err := errors.Join(checkName(a), checkName(b)); err != nil {
		return err
	}
	err := viaLibrary(func() error {
		err := ipset.Swap(a, b)
		if err == ipset.ErrSecondSetNotExist {
			return syscall.ENOENT
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot swap sets %s and %s: %w", a, b, err)
	}
	return nil
}

// Rename gives a set another name, which no set may have. While a rule names the
// set, or a list, that is ErrBusy.
func Rename(from, to string) error {
	if err := errors.Join(checkName(from), checkName(to)); err != nil {
		return err
	}
	if err := viaLibrary(func() error { return ipset.Rename(from, to) }); err != nil {
		return fmt.Errorf("cannot rename set %s to %s: %w", from, to, err)
	}
	return nil
}

// Destroy removes a set with its members. A set that does not exist is not an error
// here, on any kernel. While a rule names the set, Destroy fails with ErrBusy,
// after about a second of trying again: the kernel can say busy for a moment
// after the rule went.
func Destroy(name string) error {
	// An empty name would destroy all sets.
	if err := checkName(name); err != nil {
		return err
	}
	err := destroy(name)
	for try := 1; errors.Is(err, ErrBusy) && try < destroyTries; try++ {
		time.Sleep(destroyPause)
		err = destroy(name)
	}
	if err != nil {
		return fmt.Errorf("cannot destroy set %s: %w", name, err)
	}
	return nil
}

// destroy tries once. ipset-go sends no NLM_F_EXCL, without which kernel 6.18
// does not mind that there is no such set.
func destroy(name string) error {
	err := viaLibrary(func() error { return ipset.Destroy(name) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
