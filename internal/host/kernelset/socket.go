package kernelset

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/host/netfilter"
)

// socket is a netlink socket in the network namespace of the thread that
// opened it.
type socket struct{ *nl.NetlinkSocket }

func openSocket() (socket, error) {
	s, err := netfilter.Open("ipset")
	return socket{s}, err
}

// refusalError is an error number that the kernel answered with, and the line that
// its copy of the request carries: that of the entry at fault, or 0.
type refusalError struct {
	errno syscall.Errno
	line  uint32
}

// Error is the meaning of the number.
func (r *refusalError) Error() string { return reason(r.errno).Error() }

// Unwrap returns the meaning of the number.
func (r *refusalError) Unwrap() error { return reason(r.errno) }

// ask sends a command and calls f for the body of each message that comes back,
// until the kernel says that it is done. flags are added to NLM_F_ACK. The
// error is a *refusalError if the kernel refused.
func (s socket) ask(command int, flags int, body message, f func(body []byte) error) error {
	request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_IPSET<<8|command, unix.NLM_F_ACK|flags)
	request.AddRawData(body)
	if err := s.Send(request); err != nil {
		return fmt.Errorf("cannot send to the kernel's ipset: %w", err)
	}
	for {
		messages, from, err := s.Receive()
		if err != nil {
			return fmt.Errorf("no answer from the kernel's ipset: %w", err)
		}
		if from.Pid != nl.PidKernel {
			continue
		}
		for _, m := range messages {
			if m.Header.Seq != request.Seq {
				continue
			}
			if done, err := take(m, f); done || err != nil {
				return err
			}
		}
	}
}

// take handles one message of an answer and reports whether it was the last.
func take(m syscall.NetlinkMessage, f func(body []byte) error) (done bool, err error) {
	switch m.Header.Type {
	case unix.NLMSG_ERROR, unix.NLMSG_DONE:
		return true, verdict(m.Data)
	}
	if len(m.Data) < nl.SizeofNfgenmsg {
		return true, errMalformed
	}
	return false, f(m.Data[nl.SizeofNfgenmsg:])
}

// verdict reads the end of an answer: a number, 0 for success, followed on a
// refusal by a copy of the request in which the kernel has put the line number
// of the entry at fault.
func verdict(text []byte) error {
	if len(text) < 4 {
		return nil // the end of a dump may be empty
	}
	errno := -int32(binary.NativeEndian.Uint32(text))
	if errno == 0 {
		return nil
	}
	r := &refusalError{errno: syscall.Errno(errno)}
	copied := text[4:]
	if skip := unix.NLMSG_HDRLEN + nl.SizeofNfgenmsg; len(copied) > skip {
		// A copy that cannot be read leaves the line unknown.
		_ = attributes(copied[skip:], func(kind uint16, value []byte) (err error) {
			if kind == nl.IPSET_ATTR_LINENO {
				r.line, err = number32(value)
			}
			return err
		})
	}
	return r
}
