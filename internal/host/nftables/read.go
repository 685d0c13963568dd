package nftables

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// families are the names of those that Read returns.
var families = map[uint8]string{unix.NFPROTO_IPV4: IP, unix.NFPROTO_IPV6: IP6, unix.NFPROTO_INET: Inet}

// attempts is how often a reading begins anew because somebody changed the
// rules while they were read.
const attempts = 10

// Read returns all tables of IP, of both versions, as they were at one moment:
// none on a kernel without nf_tables.
func Read() ([]Table, error) {
	for range attempts {
		before, err := Generation()
		if err != nil || before == 0 {
			return nil, err
		}
		tables, err := read()
		if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
			return nil, fmt.Errorf("reading nf_tables: %w", err)
		}
		after, failed := Generation()
		if err == nil && failed == nil && before == after {
			return tables, nil
		}
	}
	return nil, errors.New("reading nf_tables: the rules keep changing; try again")
}

// Generation returns a number that is another after each change of rules, by
// whatever program, and 0 on a kernel without nf_tables.
func Generation() (uint32, error) {
	id, err := generation()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return 0, nil
	}
	if err != nil {
		err = fmt.Errorf("reading nf_tables: %w", err)
	}
	return id, err
}

// generation is Generation for a kernel with nf_tables.
func generation() (id uint32, err error) {
	err = dump(unix.NFT_MSG_GETGEN, 0, func(_ string, o object) (err error) {
		id, err = o.number(unix.NFTA_GEN_ID)
		return err
	})
	return id, err
}

// read is Read without a look whether the rules change meanwhile.
func read() ([]Table, error) {
	var d reading
	for _, part := range []struct {
		kind int
		add  func(family string, o object) error
	}{{unix.NFT_MSG_GETTABLE, d.addTable}, {unix.NFT_MSG_GETCHAIN, d.addChain}, {unix.NFT_MSG_GETRULE, d.addRule}} {
		if err := dump(part.kind, unix.NLM_F_DUMP, part.add); err != nil {
			return nil, err
		}
	}
	return d.tables, nil
}

// dump asks for everything of a kind and calls f with each object of IP.
func dump(kind, flags int, f func(family string, o object) error) error {
	request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|kind, flags)
	request.AddRawData([]byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, 0}) // struct nfgenmsg
	answers, err := request.Execute(unix.NETLINK_NETFILTER, 0)
	if err != nil {
		return err
	}
	for _, text := range answers {
		if len(text) < nl.SizeofNfgenmsg {
			return errMalformed
		}
		family, known := families[text[0]]
		if !known && kind != unix.NFT_MSG_GETGEN {
			continue
		}
		o, err := parse(text[nl.SizeofNfgenmsg:])
		if err == nil {
			err = f(family, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
