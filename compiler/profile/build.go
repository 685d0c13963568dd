package profile

import "slices"

// builder makes the tree of one file from its statements: places and shape
// first, values later.
type builder struct {
	src     *source
	root    *node
	current *node // the table that the last header opened
}

func newBuilder(src *source) *builder {
	root := newTable("", "", src.position(0))
	return &builder{src: src, root: root, current: root}
}

// add puts a statement into the tree. Where the statement states something
// again, it returns that, and the tree is as before.
func (b *builder) add(st *statement) (earlier *node) {
	if st.shape == keyValue {
		return b.addPair(b.current, st.key, &st.value)
	}
	parent, earlier := b.descend(b.root, st.key)
	if earlier != nil {
		return earlier
	}
	last := st.key[len(st.key)-1]
	table := parent.child(last.name)
	if table == nil {
		table = newTable(last.name, join(parent.path, last.name), b.src.position(st.key[0].at))
		if st.shape == elementHeader {
			table.kind = kindTables
		}
		parent.add(table)
	}
	return b.open(st, table)
}

// open makes table, or a new element of it, the current one.
func (b *builder) open(st *statement, table *node) (earlier *node) {
	at := b.src.position(st.key[0].at)
	switch {
	case st.shape == elementHeader && table.kind == kindTables:
		b.current = newTable("", table.path, at)
		table.add(b.current)
	case st.shape == tableHeader && table.kind == kindTable && !table.stated:
		table.stated, table.key, table.value = true, at, at
		b.current = table
	default:
		return table
	}
	return nil
}

// addPair puts a key with its value into a table.
func (b *builder) addPair(table *node, key []part, v *value) (earlier *node) {
	parent, earlier := b.descend(table, key)
	if earlier != nil {
		return earlier
	}
	last := key[len(key)-1]
	if earlier := parent.child(last.name); earlier != nil {
		return earlier
	}
	n := &node{name: last.name, path: join(parent.path, last.name), key: b.src.position(last.at)}
	if earlier := b.set(n, v); earlier != nil {
		return earlier
	}
	parent.add(n)
	return nil
}

// set gives a node the places and the shape of a value.
func (b *builder) set(n *node, v *value) (earlier *node) {
	n.value, n.kind = b.src.position(v.at), v.kind
	for i := range v.elements {
		element := &node{path: n.path}
		if earlier := b.set(element, &v.elements[i]); earlier != nil {
			return earlier
		}
		element.key = element.value
		n.add(element)
	}
	for i := range v.pairs {
		if earlier := b.addPair(n, v.pairs[i].key, &v.pairs[i].value); earlier != nil {
			return earlier
		}
	}
	n.stated, n.inline = n.kind == kindTable, n.kind == kindTable
	return nil
}

// descend walks to the table that holds the last part of a key and makes the
// tables on the way. It stops at what is not a table.
func (b *builder) descend(table *node, key []part) (parent, earlier *node) {
	for _, p := range key[:len(key)-1] {
		next := table.child(p.name)
		if next == nil {
			next = newTable(p.name, join(table.path, p.name), b.src.position(p.at))
			table.add(next)
		}
		if next.kind == kindTables {
			next = next.children[len(next.children)-1]
		}
		if next.kind != kindTable || next.inline {
			return nil, next
		}
		table = next
	}
	return table, nil
}

// markPartial says of every table along the keys that something in it was
// broken.
func (b *builder) markPartial(keys ...[]part) {
	table := b.root
	for _, p := range slices.Concat(keys...) {
		table.partial = true
		next := table.child(p.name)
		if next == nil || next.kind != kindTable {
			return
		}
		table = next
	}
	table.partial = true
}
