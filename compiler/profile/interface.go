package profile

import "strings"

// maxInterface is what the kernel takes for the name of an interface (IFNAMSIZ
// in the kernel's if.h, less its terminator).
const maxInterface = 15

const interfaceBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@"

func (d *decoder) interfaces(to *[]Interface) reader {
	return reader{"a list of interfaces", nil, func(n *node) {
		if !d.mustInherit(n, "all interfaces") {
			return
		}
		if n.edited && len(n.children) == 0 {
			d.add(&flaw{
				Code: "empty-list", Message: "nothing is left of this list, so that connections could begin on every interface",
				Suggestion: `if that is meant, say remove = ["inside"] in [policy]`,
			}, n.value, n.path)
		}
		for _, element := range texts(n, `a list of interfaces such as ["lan0"]`, d.list) {
			if i, ok := d.interfaceName(element); ok {
				*to = append(*to, i)
			}
		}
	}}
}

// interfaceName reads the name of an interface, or of all that begin alike.
func (d *decoder) interfaceName(element *node) (i Interface, ok bool) {
	name := element.scalar.(string)
	if !isInterface(name) {
		d.add(&flaw{
			Code: "bad-name", Message: quote(name) + " is not the name of an interface",
			Suggestion: `ip link lists the interfaces of a host; "br-+" stands for all that begin with br-`,
		}, element.value, element.path)
		return i, false
	}
	return Interface{Position: element.value, Name: name}, true
}

// isInterface refuses what the kernel would take, but a rule reads otherwise: a
// "-" at the beginning is an option. A "+" alone would be all interfaces.
func isInterface(name string) bool {
	name, _ = strings.CutSuffix(name, "+")
	return name != "" && len(name) <= maxInterface && strings.Trim(name, interfaceBytes) == "" &&
		!strings.HasPrefix(name, "-") && name != "." && name != ".."
}
