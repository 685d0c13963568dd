package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle/linediff"
)

// Diff returns what must change in a folder to make it hold the wanted bundle,
// as a unified diff from the folder (a/) to the bundle (b/), which `patch -p1`
// takes; "" when nothing must. It covers the files that bundles may have, the
// manifest with them: one that is missing, or there without being wanted, is a
// difference too. Files with other names do not count.
func Diff(want *Bundle, fsys fs.FS) (string, error) {
	var out strings.Builder
	links, _ := fs.Glob(fsys, LinkName("*")) // the pattern is good
	for _, k := range places(append(links, want.names()...)...) {
		text := want.File(k.name)
		if err := diffFile(&out, fsys, k.name, text, want.has(k.name)); err != nil {
			return "", err
		}
	}
	if err := diffFile(&out, fsys, ManifestName, want.ManifestText(), true); err != nil {
		return "", err
	}
	return out.String(), nil
}

func diffFile(out *strings.Builder, fsys fs.FS, name string, want []byte, wanted bool) error {
	have, err := readBounded(fsys, name)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("compare a bundle with a folder: %w", err)
	}
	if missing != wanted && bytes.Equal(have, want) {
		return nil
	}
	nameA, nameB := "a/"+name, "b/"+name
	if missing {
		nameA = "/dev/null"
	}
	if !wanted {
		nameB = "/dev/null"
	}
	text := linediff.Unified(nameA, nameB, linediff.Split(have), linediff.Split(want))
	if text == "" { // an empty file on one side, and none on the other
		text = linediff.Header(nameA, nameB)
	}
	out.WriteString(text)
	return nil
}
