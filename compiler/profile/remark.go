package profile

import (
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Remark is what a profile says of a part of itself, or of one entry in a list of addresses, for
// people: no rule comes from it.
type Remark struct {
	Position diag.Position
	// Part is a dotted path, such as "services.web"; of an entry, that of its list.
	Part string
	// Entry is an address, prefix, range or "@NAME" of a list; empty for a whole part.
	Entry       string
	Description string
	// Expires is the last day, at midnight UTC; the zero Time for none.
	Expires time.Time
}

// remarkable reads a part of the profile that may have a remark.
func (d *decoder) remarkable(n *node, keys fields) {
	r := Remark{Position: n.key, Part: n.path}
	d.optional(n, d.remarkKeys(&r, keys))
	d.keep(r)
}

// remarkKeys adds those of a remark to the keys of a table.
func (d *decoder) remarkKeys(r *Remark, keys fields) fields {
	keys["description"] = d.line(&r.Description, 0, maxDescription, "")
	keys["expires"] = d.date(&r.Expires)
	return keys
}

// keep notes a remark that says anything.
func (d *decoder) keep(r Remark) {
	if r.Description != "" || !r.Expires.IsZero() {
		d.profile.Remarks = append(d.profile.Remarks, r)
	}
}

// remarkOf reads the remark of an entry, if it has one.
func (d *decoder) remarkOf(entry *node) {
	if entry.remark == nil {
		return
	}
	r := Remark{Position: entry.value, Part: strings.TrimSuffix(entry.path, "."+addKey), Entry: entry.scalar.(string)}
	d.table(entry.remark, d.remarkKeys(&r, fields{addressKey: {read: func(*node) {}}}))
	d.keep(r)
}

// addressKey is that of the address in an entry with a remark:
// { address = "192.0.2.7", description = "the press" }.
const addressKey = "address"

// lists of addresses, whose entries may have remarks.
var addressLists = []string{"addresses", "admin", "exempt", "block", "from", "echo_from", "trust"}

// bare makes the entries with remarks of all lists of addresses below a table what the address
// in them is, so that layers add and remove them like those without.
func bare(n *node, list bool) {
	for _, c := range n.children {
		address := c.child(addressKey)
		if list && n.kind == kindArray && c.kind == kindTable && address != nil && address.kind == kindString {
			table := *c
			*c = node{path: c.path, key: address.value, value: address.value, kind: kindString, scalar: address.scalar, remark: &table}
			continue
		}
		isEdit := list && (c.name == addKey || c.name == removeKey)
		bare(c, isEdit || slices.Contains(addressLists, c.name))
	}
}

// date reads a day.
func (d *decoder) date(to *time.Time) reader {
	return reader{aDate, nil, func(n *node) {
		if !d.want(n, kindTime, aDate) {
			return
		}
		at := n.scalar.(time.Time)
		if at.Location().String() != "date-local" { // the library's name for a day without a time
			d.add(&flaw{
				Code: "bad-date", Message: "has a time; a day is meant, until its end in UTC", Suggestion: "write " + at.Format(time.DateOnly),
			}, n.value, n.path)
			return
		}
		*to = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	}}
}

const aDate = "a date such as 2027-01-31, without quotes"
