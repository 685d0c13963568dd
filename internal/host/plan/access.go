package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// Access is what a rehearsal with real packets found about those who must
// still get in once the plan is applied.
type Access struct {
	// Sources are in order: the SSH connection of the one who asks, others who
	// are logged in, admin addresses of the profile. An address that uses more
	// than one port is there once for each.
	Sources []AdminSource `json:"callers"`
	// Unproven says why nothing could be found out; empty where it could.
	Unproven string `json:"unproven,omitempty"`
	// Closed says why no login would work, although all admin sources get in: no
	// program listens where they do. Empty where one would.
	Closed string `json:"closed,omitempty"`
	// States say by which rule, and in which states of bans, limits and lists, an admin
	// address of the profile would be refused that gets in now.
	States []string `json:"states,omitempty"`
	// Contradiction says where the rehearsal and the proof of the same rules disagree: a
	// fault of hardenctl. It is empty where they do not.
	Contradiction string `json:"contradiction,omitempty"`
	// NotAdmins are the addresses whose connections do not count, since the one who
	// asks has said so.
	NotAdmins []string `json:"not_admins,omitempty"`
}

// AdminSource is an address that must still reach a port of this host.
type AdminSource struct {
	Address string `json:"address"`
	// Learned says where the address is known from, such as "your SSH
	// connection".
	Learned string `json:"learned"`
	// Interface is that of this host by which the address comes.
	Interface string `json:"interface"`
	Port      string `json:"port"` // such as "tcp/22"
	// Service is the admin service that states the port; empty for none.
	Service string `json:"service,omitempty"`
	// Program serves a connection of the address to an admin service, and does not
	// tell whether somebody has logged in by it; empty where a login is known.
	Program string `json:"program,omitempty"`
	// Like is how many other connections no rule tells from this one: they were not
	// tried.
	Like int `json:"like,omitempty"`
	// Knock says that it got in by a knock, and only so.
	Knock bool `json:"knock,omitempty"`
	// Local says that the connection comes from this host itself, as any local user
	// can make one; never for that of the one who asks, which may be a tunnel's.
	Local bool `json:"local,omitempty"`
	// Refused says what the address could not do, and what refused it where
	// that can be told; empty if it gets in.
	Refused string `json:"refused,omitempty"`
}

// String names the admin source and how it is known.
func (c AdminSource) String() string {
	text := c.Address + " (" + c.Learned + ")"
	if c.Like > 0 {
		text += fmt.Sprintf(" and %d like it", c.Like)
	}
	return text
}

// ErrNobody is the refusal where no admin source is known.
var ErrNobody = errors.New("no admin access to verify: no admin session is open, and there is no admin address for an admin service")

// Shows reports whether an admin source that gets in shows that an admin does. A connection
// does not, where it is unknown whether its user has logged in, or where it comes
// from this host itself: a local user can open one.
func (c AdminSource) Shows() bool { return c.Program == "" && !c.Local }

// withoutAdmin returns ErrNobody, and why the open connections do not count, if no admin
// source is known; else nil.
func (a *Access) withoutAdmin() error {
	switch {
	case slices.ContainsFunc(a.Sources, AdminSource.Shows):
		return nil
	case len(a.Sources) == 0:
		return ErrNobody
	}
	return fmt.Errorf("%w (an open connection does not count if it comes from this host itself, or if its program does not report who has logged in)", ErrNobody)
}

// StateAdmins is what to do about ErrNobody where a profile is applied.
const StateAdmins = `Add the addresses that you log in from to the profile, such as [access] admin = ["192.0.2.7"]`

// Refusal returns why the plan must not be applied; nil if everybody gets in.
func (a *Access) Refusal() error {
	refused, noAdmin := a.refused(), a.withoutAdmin()
	switch {
	case a.Contradiction != "":
		return errors.New(a.contradiction())
	case a.Unproven != "":
		return fmt.Errorf("cannot verify admin access: %s", a.Unproven)
	case len(refused) == 0 && noAdmin != nil:
		return noAdmin
	case len(refused) == 0 && a.Closed != "":
		return fmt.Errorf("no admin could log in: %s", a.Closed)
	case len(refused) == 0:
		return nil
	}
	var lines []string
	for _, c := range refused {
		lines = append(lines, fmt.Sprintf("%s at %s: %s", c, c.Port, c.Refused))
	}
	return fmt.Errorf("this would lock out %s%s", strings.Join(lines, "; "), HowToExclude(refused))
}

// HowToExclude says how to leave out those of whom it is unknown whether they have
// logged in: any source can hold a connection open. It is empty without any.
func HowToExclude(sources []AdminSource) string {
	var programs, flags []string
	many := 0
	for _, c := range sources {
		if c.Program == "" {
			continue
		}
		many += c.Like
		if !slices.Contains(programs, c.Program) {
			programs = append(programs, c.Program)
		}
		if flag := "--not-an-admin " + c.Address; !slices.Contains(flags, flag) {
			flags = append(flags, flag)
		}
	}
	if flags == nil {
		return ""
	}
	text := fmt.Sprintf(". %s does not report who has logged in: if this is not an admin, add %s", someOf(programs), strings.Join(flags[:min(len(flags), maxExamples)], " "))
	if many > 0 || len(flags) > maxExamples {
		text += "; a network, such as --not-an-admin 203.0.113.0/24, leaves out all who connect from it"
	}
	return text
}

// contradiction says what to do about one.
func (a *Access) contradiction() string {
	return fmt.Sprintf("the rehearsal and the proof disagree about admin access: %s. "+
		"This is a fault of hardenctl, or the rehearsal had too little time: try again, and report this if it stays", a.Contradiction)
}

func (a *Access) refused() []AdminSource {
	var refused []AdminSource
	for _, c := range a.Sources {
		if c.Refused != "" {
			refused = append(refused, c)
		}
	}
	return refused
}

// access shows who is locked out, and names those who are not.
func (v view) access(p *Plan) {
	a := p.Access
	if a == nil {
		return
	}
	v.title("Admin access, tested with real packets")
	risky := v.paint("1;33", "risky:")
	for _, c := range a.refused() {
		v.line("  %s %s at %s: %s", risky, c, c.Port, c.Refused)
	}
	for _, text := range a.States {
		v.line("  %s %s", risky, text)
	}
	if a.Contradiction != "" {
		v.line("  %s %s", risky, a.contradiction())
	}
	for _, group := range a.admitted() {
		v.line("    %s", group)
	}
	if a.NotAdmins != nil {
		v.line("    excluded (not an admin): %s", someOf(a.NotAdmins))
	}
	switch {
	case a.Unproven != "":
		v.line("  %s not verified: %s", risky, a.Unproven)
	case a.withoutAdmin() != nil:
		advice := ""
		if p.Profile != bundle.BeforeProfile {
			advice = ". " + StateAdmins
		}
		v.line("  %s %v%s", risky, a.withoutAdmin(), advice)
	case a.Closed != "":
		v.line("  %s no admin could log in: %s", risky, a.Closed)
	}
}

// admitted describes those who get in, in one line for each way in which they
// are known: "your SSH connection, at tcp/22: 192.0.2.7".
func (a *Access) admitted() []string {
	var order []string
	addresses := map[string][]string{}
	for _, c := range a.Sources {
		if c.Refused != "" {
			continue
		}
		way := fmt.Sprintf("%s, at %s", c.Learned, c.Port)
		if c.Program != "" {
			way += " (" + c.Program + " does not report who has logged in)"
		}
		if c.Local {
			way += " from this host itself"
		}
		if c.Knock {
			way += " after a knock"
		}
		if addresses[way] == nil {
			order = append(order, way)
		}
		addresses[way] = append(addresses[way], c.Address)
	}
	var lines []string
	for _, way := range order {
		lines = append(lines, way+": "+someOf(addresses[way]))
	}
	return lines
}

// someOf lists addresses, the first few of many.
func someOf(addresses []string) string {
	if more := len(addresses) - maxExamples; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(addresses[:maxExamples], ", "), more)
	}
	return strings.Join(addresses, ", ")
}
