package generation

import (
	"errors"
	"io/fs"
	"os"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/durable"
)

// acceptedName is the file in a generation's folder which says that a person
// lets applies go on after this rollback.
const acceptedName = "accepted"

// IsRollback reports whether the generation restored an earlier one, or to
// what the host had before hardenctl, which is From 0.
func (g Generation) IsRollback() bool { return g.From > 0 || g.Profile == bundle.BeforeProfile }

// LastRollback returns the newest generation if it is a rollback after
// which no person has accepted further applies. An apply may then bring back what the
// rollback undid. One whose record is not whole counts as no rollback.
func (s Store) LastRollback() (g Generation, ok bool) {
	newest, err := s.newest()
	if err != nil || newest == 0 {
		return Generation{}, false
	}
	g, err = s.record(newest)
	if err != nil || !g.IsRollback() {
		return Generation{}, false
	}
	_, err = os.Lstat(s.path(newest, acceptedName))
	return g, errors.Is(err, fs.ErrNotExist)
}

// Accept notes that applies go on after the rollback of that number.
func (s Store) Accept(number int) error {
	return durable.Write(s.path(number, acceptedName), nil, 0o600)
}
