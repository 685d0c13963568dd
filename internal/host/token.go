package host

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// newToken returns a word of eight letters and digits to confirm with. It says
// which trial is meant; it is not a secret, since confirming takes root.
func newToken() (string, error) {
	var random [5]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(random[:])), nil
}
