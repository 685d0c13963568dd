package kernelset

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	ipset "github.com/lrh3321/ipset-go"
)

// What a caller can ask of an error with errors.Is.
var (
	// ErrNotFound says that a set does not exist.
	ErrNotFound = errors.New("no such set")
	// ErrFull says that a set has as many entries as its maxelem allows.
	ErrFull = errors.New("the set is full (maxelem)")
	// ErrBusy says that a rule, a list:set or a dump under way uses the set.
	ErrBusy = errors.New("the set is in use")
)

// EntryError says which entry a set refused, and why.
type EntryError struct {
	Set    string
	Prefix netip.Prefix
	Err    error
}

// Error names the entry, the set and the reason.
func (e *EntryError) Error() string { return fmt.Sprintf("%s in set %s: %v", e.Prefix, e.Set, e.Err) }

// Unwrap returns the reason.
func (e *EntryError) Unwrap() error { return e.Err }

// hashFull is IPSET_ERR_HASH_FULL of linux/netfilter/ipset/ip_set_hash.h.
// ipset-go at the pinned version has it one too high.
const hashFull = ipset.IPSET_ERR_TYPE_SPECIFIC

// reason turns the kernel's number for an error into one that says what it
// means. Numbers from 4096 on are ipset's own.
func reason(errno syscall.Errno) error {
	switch errno {
	case 0:
		return nil
	case syscall.ENOENT:
		return ErrNotFound
	case syscall.EPERM:
		return fmt.Errorf("%w: needs root (CAP_NET_ADMIN)", errno)
	case hashFull:
		return ErrFull
	case ipset.IPSET_ERR_BUSY, ipset.IPSET_ERR_REFERENCED:
		return ErrBusy
	case ipset.IPSET_ERR_INVALID_CIDR:
		return errors.New("the kernel refuses this prefix length")
	case ipset.IPSET_ERR_TIMEOUT:
		return errors.New("the set was created without timeouts")
	}
	if errno >= ipset.IPSET_ERR_PRIVATE {
		return ipset.IPSetError(errno)
	}
	return errno
}

// viaLibrary runs an operation of ipset-go and turns its error into ours. The
// library asserts that every error is an errno and panics otherwise, for
// instance when its socket times out (ipsetExecute in ipset_linux.go).
func viaLibrary(operation func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("ipset-go: %v", p)
		}
	}()
	err = operation()
	var private ipset.IPSetError
	if errors.As(err, &private) {
		return reason(syscall.Errno(private))
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return reason(errno)
	}
	return err
}
