package nftables

import (
	"encoding/binary"
	"errors"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// object is the attributes of a table, a chain, a rule or a part of one.
type object []syscall.NetlinkRouteAttr

// errMalformed says that a message is not what this package expects of the
// kernel.
var errMalformed = errors.New("the kernel's answer cannot be read: an attribute is cut off or missing")

func parse(text []byte) (object, error) { return nl.ParseRouteAttr(text) }

// find returns the value of an attribute, or nil.
func (o object) find(kind uint16) []byte {
	i := slices.IndexFunc(o, func(a syscall.NetlinkRouteAttr) bool { return a.Attr.Type&nl.NLA_TYPE_MASK == kind })
	if i < 0 {
		return nil
	}
	return o[i].Value
}

func (o object) text(kind uint16) string { return unix.ByteSliceToString(o.find(kind)) }

// number returns a number of 32 bits, which nf_tables writes in network order.
func (o object) number(kind uint16) (uint32, error) {
	value := o.find(kind)
	if len(value) != 4 {
		return 0, errMalformed
	}
	return binary.BigEndian.Uint32(value), nil
}

// reading is the tables as they come, first all tables, then chains, then
// rules. What belongs to a table or a chain that was not there when its kind
// was read is left out.
type reading struct{ tables []Table }

func (d *reading) table(family, name string) *Table {
	i := slices.IndexFunc(d.tables, func(t Table) bool { return t.Family == family && t.Name == name })
	if i < 0 {
		return nil
	}
	return &d.tables[i]
}

func (d *reading) addTable(family string, o object) error {
	d.tables = append(d.tables, Table{Family: family, Name: o.text(unix.NFTA_TABLE_NAME)})
	return nil
}

func (d *reading) addChain(family string, o object) error {
	t := d.table(family, o.text(unix.NFTA_CHAIN_TABLE))
	if t == nil {
		return nil
	}
	c := Chain{Name: o.text(unix.NFTA_CHAIN_NAME)}
	if hook := o.find(unix.NFTA_CHAIN_HOOK); hook != nil {
		at, err := parse(hook)
		if err != nil {
			return err
		}
		if c.Hook, err = at.number(unix.NFTA_HOOK_HOOKNUM); err != nil {
			return err
		}
		policy, err := o.number(unix.NFTA_CHAIN_POLICY)
		c.Base, c.Drops = true, err == nil && policy == 0 // NF_DROP
	}
	t.Chains = append(t.Chains, c)
	return nil
}

func (d *reading) addRule(family string, o object) error {
	t := d.table(family, o.text(unix.NFTA_RULE_TABLE))
	if t == nil {
		return nil
	}
	c := t.Chain(o.text(unix.NFTA_RULE_CHAIN))
	if c == nil {
		return nil
	}
	parts, err := parse(o.find(unix.NFTA_RULE_EXPRESSIONS))
	if err != nil {
		return err
	}
	var r Rule
	for _, p := range parts {
		e, err := readExpression(p.Value)
		if err != nil {
			return err
		}
		r = append(r, e)
	}
	c.Rules = append(c.Rules, r)
	return nil
}

// looked are the expressions of which more is read than the name.
var looked = []string{"payload", "meta", "cmp", "immediate", "lookup"}

func readExpression(text []byte) (e Expression, err error) {
	o, err := parse(text)
	if err != nil {
		return e, err
	}
	e.Name = o.text(unix.NFTA_EXPR_NAME)
	if !slices.Contains(looked, e.Name) {
		return e, nil
	}
	content, err := parse(o.find(unix.NFTA_EXPR_DATA))
	if err != nil {
		return e, err
	}
	switch e.Name {
	case "payload":
		if e.Base, err = content.number(unix.NFTA_PAYLOAD_BASE); err == nil {
			e.Offset, err = content.number(unix.NFTA_PAYLOAD_OFFSET)
		}
	case "meta":
		e.Key, err = content.number(unix.NFTA_META_KEY)
	case "cmp":
		var op uint32
		op, err = content.number(unix.NFTA_CMP_OP)
		e.Order = op >= unix.NFT_CMP_LT
	case "lookup":
		e.Map = content.find(unix.NFTA_LOOKUP_DREG) != nil
	case "immediate":
		err = e.readVerdict(content)
	}
	return e, err
}

// readVerdict reads what an immediate decides, if it does.
func (e *Expression) readVerdict(content object) error {
	data, err := parse(content.find(unix.NFTA_IMMEDIATE_DATA))
	if err != nil || data.find(unix.NFTA_DATA_VERDICT) == nil {
		return err
	}
	verdict, err := parse(data.find(unix.NFTA_DATA_VERDICT))
	if err != nil {
		return err
	}
	code, err := verdict.number(unix.NFTA_VERDICT_CODE)
	e.Verdict, e.To = verdicts[int32(code)], verdict.text(unix.NFTA_VERDICT_CHAIN)
	return err
}
