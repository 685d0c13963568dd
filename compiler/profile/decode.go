package profile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// decoder turns the merged tree into a Profile. Its methods that return a reader
// make one of one kind of value; a table is a map from keys to such readers.
type decoder struct {
	files   Files
	list    *diag.List
	profile Profile
	root    *node
	// sets are the names that "@name" may use, from the tree, so that a set
	// that is broken is not unknown too.
	sets     map[string]bool
	setNames []string
	// off is where a layer has switched off a set, a knock or a zone, or removed it, by path.
	off map[string]diag.Position
	// setsPartial says that a set may have been in a statement that is broken.
	setsPartial bool
	// knocks and knocksPartial are the same for the knocks of services, sorted.
	knocks        []string
	knocksPartial bool
	// zones and zonesPartial are the same for zones.
	zones        []string
	zonesPartial bool
	// read counts the bytes of all lists.
	read int
	// keys collects all keys for Keys; nil while a profile is read.
	keys *[]Key
}

// table reads a table by its fields; other keys are errors.
func (d *decoder) table(n *node, known fields) {
	if !d.want(n, kindTable, "a table") {
		return
	}
	d.collect(n, known)
	for _, c := range n.children {
		if isRemoval(c) {
			d.unremoved(c, n)
			continue
		}
		if read := known[c.name].read; read != nil {
			read(c)
			continue
		}
		d.unknown(c, slices.Sorted(maps.Keys(known)))
	}
}

// named reads a table of named tables, sorted by name.
func (d *decoder) named(n *node, what string, read func(*node)) {
	if !d.want(n, kindTable, "a table of named tables") {
		return
	}
	if len(n.children) > maxNamed {
		d.errorf("too-many", n, "has more than %d entries", maxNamed)
		return
	}
	all := names(n)
	for _, c := range sorted(n.children) {
		switch {
		case isRemoval(c):
			d.unremoved(c, n)
		case !isName(c.name, MaxName):
			d.add(badName(c.name, what), c.key, c.path)
		case d.want(c, kindTable, "a table") && d.isOn(c, all):
			read(c)
		}
	}
}

func badName(name, what string) *flaw {
	f := &flaw{
		Code:       "bad-name",
		Message:    fmt.Sprintf("%s is not a name for a %s", quote(name), what),
		Suggestion: fmt.Sprintf("use at most %d of a-z, 0-9 and -, beginning with a letter or digit", MaxName),
	}
	if better := strings.ReplaceAll(strings.ToLower(name), "_", "-"); isName(better, MaxName) {
		f.Suggestion = fmt.Sprintf("name it %q: names are of a-z, 0-9 and -", better)
	}
	return f
}

// The bounds of named tables. Chains and sets have a long name in a shorter form. Each entry
// costs rules, which every packet may have to pass.
const (
	// MaxName is the most bytes of a name.
	MaxName  = 28
	maxNamed = 1000
)

func sorted(nodes []*node) []*node {
	return slices.SortedFunc(slices.Values(nodes), func(a, b *node) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
}

func (d *decoder) boolean(to *bool) reader {
	return reader{"true or false", defaultOf(to), func(n *node) {
		if d.want(n, kindBool, "true or false") {
			*to = n.scalar.(bool)
		}
	}}
}

// integer reads a number from low to high.
func (d *decoder) integer(to *int64, low, high int64) reader {
	return reader{aNumber(low, high), nil, func(n *node) {
		if !d.want(n, kindInteger, "a whole number") {
			return
		}
		i := n.scalar.(int64)
		if i < low || i > high {
			d.errorf("out-of-range", n, "%d is not from %d to %d", i, low, high)
			return
		}
		*to = i
	}}
}

func (d *decoder) count(to *Count, low, high int64) reader {
	return reader{aNumber(low, high), defaultOf(to), func(n *node) {
		var i int64
		if d.integer(&i, low, high).read(n); i != 0 {
			*to = Count{Position: n.value, N: uint32(i)}
		}
	}}
}

// percent reads "50%": of 0 and 100 one would say never, the other nothing.
func (d *decoder) percent(to *Count) reader {
	return reader{"a percentage from 1% to 99%", nil, func(n *node) {
		if !d.want(n, kindString, aPercentage) {
			return
		}
		text := n.scalar.(string)
		number, ok := strings.CutSuffix(text, "%")
		i, whole := parseNumber(number, 1, 99)
		if !ok || !whole {
			d.add(&flaw{
				Code: "bad-value", Message: quote(text) + " is not a percentage from 1% to 99%", Suggestion: `write "50%" for a half`,
			}, n.value, n.path)
			return
		}
		*to = Count{Position: n.value, N: uint32(i)}
	}}
}

// choice reads one of a few words.
func choice[T ~string](d *decoder, to *T, words ...T) reader {
	return reader{"one of " + list(words), defaultOf(to), func(n *node) {
		if !d.want(n, kindString, "one of "+list(words)) {
			return
		}
		word := T(n.scalar.(string))
		if !slices.Contains(words, word) {
			d.add(&flaw{
				Code:       "bad-value",
				Message:    fmt.Sprintf("%s is not one of %s", quote(string(word)), list(words)),
				Suggestion: didYouMean(string(word), plain(words)),
			}, n.value, n.path)
			return
		}
		*to = word
	}}
}

func (d *decoder) duration(to *time.Duration, low, high time.Duration) reader {
	return reader{fmt.Sprintf("a duration from %s to %s", showDuration(low), showDuration(high)), defaultOf(to), func(n *node) {
		if !d.want(n, kindString, aDuration) {
			return
		}
		length, flaw := parseDuration(n.scalar.(string))
		switch {
		case flaw != nil:
			d.add(flaw, n.value, n.path)
		case length < low || length > high:
			d.errorf("out-of-range", n, "%s is not from %s to %s",
				quote(n.scalar.(string)), showDuration(low), showDuration(high))
		default:
			*to = length
		}
	}}
}

// limit reads a rate or a quota.
func (d *decoder) limit(to *Limit) reader {
	return reader{"a rate or a quota", defaultOf(to), func(n *node) {
		if n.kind == kindString && isQuota(n.scalar.(string)) {
			quota, flaw := parseQuota(n.scalar.(string))
			if flaw != nil {
				d.add(flaw, n.value, n.path)
				return
			}
			*to = Limit{Position: n.value, Quota: quota}
			return
		}
		d.rateLimit(to).read(n)
	}}
}

// rateLimit reads a limit where the kernel can hold a rate only.
func (d *decoder) rateLimit(to *Limit) reader {
	return reader{"a rate", defaultOf(to), func(n *node) {
		var rate Rate
		if d.rate(&rate).read(n); rate.Count > 0 {
			*to = Limit{Position: n.value, Rate: rate}
		}
	}}
}

func (d *decoder) rate(to *Rate) reader {
	return reader{"a rate", defaultOf(to), func(n *node) {
		if !d.want(n, kindString, `a limit such as "5/second burst 10"`) {
			return
		}
		rate, flaw := parseRate(n.scalar.(string))
		if flaw != nil {
			d.add(flaw, n.value, n.path)
			return
		}
		*to = rate
	}}
}

// line reads printable text from least to most bytes without the bytes of
// forbidden, for places from which nothing can be escaped.
func (d *decoder) line(to *string, least, most int, forbidden string) reader {
	return reader{fmt.Sprintf("printable ASCII text of %d to %d bytes", least, most), defaultOf(to), func(n *node) {
		if !d.want(n, kindString, "text") {
			return
		}
		text := n.scalar.(string)
		if flaw := checkLine(text, least, most, forbidden); flaw != nil {
			d.add(flaw, n.value, n.path)
			return
		}
		*to = text
	}}
}

// later are the tables that a later version will know.
var later = []string{"expect"}

func (d *decoder) unknown(n *node, known []string) {
	f := &flaw{Code: "unknown-key", Message: "unknown " + n.noun(), Note: "not in this version of hardenctl"}
	switch {
	case len(*d.list) > diag.Most: // more is not shown
		f.Note = ""
	case !slices.Contains(later, n.path):
		f.Note, f.Suggestion = validKeys(n, known), cmp.Or(misplaced(n.name), didYouMean(n.name, known))
	}
	d.add(f, n.key, n.path)
}

// validKeys lists what may be beside an unknown key.
func validKeys(n *node, keys []string) string {
	if n.path == join("", n.name) {
		return known("a profile may have", keys)
	}
	return known("the keys of this table are", keys)
}

// want reports whether n is of kind k, and otherwise what it is instead.
func (d *decoder) want(n *node, k kind, what string) bool { return want(n, k, what, d.list) }

func (d *decoder) add(f *flaw, at diag.Position, subject string) { d.list.Add(f.at(at, subject)) }

func (d *decoder) errorf(code string, n *node, format string, args ...any) {
	d.list.Errorf(code, n.value, n.path, format, args...)
}

func (d *decoder) warn(code string, n *node, format string, args ...any) {
	d.list.Add(diag.Diagnostic{
		Code: code, Severity: diag.Warning, Position: n.value, Subject: n.path,
		Message: fmt.Sprintf(format, args...),
	})
}
