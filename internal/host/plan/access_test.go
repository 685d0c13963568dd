package plan

import (
	"errors"
	"strings"
	"testing"
)

// An apply is refused if an admin source is locked out, if none is known, and if
// nothing could be proven; the reason names them.
func TestRefusal(t *testing.T) {
	in := AdminSource{Address: "192.0.2.7", Learned: "your SSH connection", Port: "tcp/22"}
	out := AdminSource{Address: "203.0.113.9", Learned: "logged in by SSH", Port: "tcp/22", Refused: "a new connection would be refused"}
	panel := AdminSource{Address: "192.0.2.9", Learned: "connected to an admin service", Port: "tcp/9090", Program: "panel"}
	local := AdminSource{Address: "127.0.0.1", Learned: "logged in by SSH", Port: "tcp/22", Local: true}
	for _, test := range []struct {
		name   string
		access Access
		want   string
	}{
		{"no admin, but for a panel's client", Access{Sources: []AdminSource{panel}}, "no admin access to verify: no admin session is open, and there is no admin address for an admin service (an open connection does not count"},
		{"no admin, but for a local user's login", Access{Sources: []AdminSource{local}}, "if it comes from this host itself"},
		{"one of many shows it", Access{Sources: []AdminSource{panel, local, in}}, ""},
		{"all get in", Access{Sources: []AdminSource{in}}, ""},
		{"one does not", Access{Sources: []AdminSource{in, out}},
			"this would lock out 203.0.113.9 (logged in by SSH) at tcp/22: a new connection would be refused"},
		{"two do not", Access{Sources: []AdminSource{out, out}}, "; 203.0.113.9 (logged in by SSH)"},
		{"no network to try it in", Access{Unproven: "no veth"}, "cannot verify admin access: no veth"},
		{"no program listens there", Access{Sources: []AdminSource{in}, Closed: "no program listens"}, "no admin could log in: no program listens"},
		{"no admin", Access{}, "no admin access to verify"},
	} {
		err := test.access.Refusal()
		switch {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		case errors.Is(err, ErrNobody) != strings.HasPrefix(test.name, "no admin, ") && test.name != "no admin":
			t.Errorf("%s: %v is or is not ErrNobody", test.name, err)
		}
	}
}

// The refusal says how to leave out those who may be no admins: of a few each, of
// many by their network.
func TestHowToExclude(t *testing.T) {
	unlisted := func(address string, like int) AdminSource {
		return AdminSource{Address: address, Learned: "connected to an admin service", Port: "tcp/9090", Program: "panel", Refused: "no", Like: like}
	}
	const network = "; a network, such as --not-an-admin 203.0.113.0/24, leaves out all who connect from it"
	for want, callers := range map[string][]AdminSource{
		"": {{Address: "192.0.2.7", Refused: "no"}},
		". panel does not report who has logged in: if this is not an admin, add --not-an-admin 192.0.2.1":           {unlisted("192.0.2.1", 0), unlisted("192.0.2.1", 0)},
		". panel does not report who has logged in: if this is not an admin, add --not-an-admin 192.0.2.1" + network: {unlisted("192.0.2.1", 1)},
		". panel does not report who has logged in: if this is not an admin, add --not-an-admin 192.0.2.1 --not-an-admin 192.0.2.2 --not-an-admin 192.0.2.3 --not-an-admin 192.0.2.4 --not-an-admin 192.0.2.5" + network: {
			unlisted("192.0.2.1", 0), unlisted("192.0.2.2", 0), unlisted("192.0.2.3", 0), unlisted("192.0.2.4", 0), unlisted("192.0.2.5", 0), unlisted("192.0.2.6", 0),
		},
	} {
		if got := HowToExclude(callers); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := (&Access{Sources: []AdminSource{unlisted("192.0.2.1", 7)}}).Refusal().Error(); !strings.Contains(got, "192.0.2.1 (connected to an admin service) and 7 like it at tcp/9090") {
		t.Error(got)
	}
}

// The view shows what is risky, and of many who get in the first few.
func TestPrintAccess(t *testing.T) {
	many := &Access{}
	for range 8 {
		many.Sources = append(many.Sources, AdminSource{Address: "192.0.2.7", Learned: "access.admin", Port: "tcp/22"})
	}
	for _, test := range []struct {
		access *Access
		want   string
	}{
		{many, "    access.admin, at tcp/22: 192.0.2.7, 192.0.2.7, 192.0.2.7, 192.0.2.7, 192.0.2.7 and 3 more\n"},
		{&Access{}, "  risky: no admin access to verify: no admin session is open, and there is no admin address for an admin service. Add the addresses that you log in from to the profile, such as [access] admin = ["},
		{&Access{Sources: []AdminSource{{}}, Closed: "no program listens"}, "  risky: no admin could log in: no program listens\n"},
		{&Access{Unproven: "no veth"}, "  risky: not verified: no veth\n"},
	} {
		var b strings.Builder
		(&Plan{Access: test.access}).Print(&b, false, true)
		if !strings.Contains(b.String(), test.want) {
			t.Errorf("no %q in\n%s", test.want, &b)
		}
	}
}
