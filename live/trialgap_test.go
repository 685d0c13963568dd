package live

import "testing"

// An interface that the profile names goes away in a trial: there is nothing of
// it to go back to, and the rest does.
func TestInterfaceGoesInATrial(t *testing.T) {
	bare(t, "nft")
	t.Cleanup(func() { as(t, applying, "revert") })
	tool(t, "ip link add gone0 type veth peer name gone1")
	tryOut(t, write(t, "nic.toml", "version = 1\ninclude = [\"builtin:web\"]\n[nics.gone0]\ngro = true\n"), "2m")
	tool(t, "ip link del gone0")
	contains(t, expect(t, 0, "revert"), "Everything went back")
	nothingUnderWay(t)
	expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
}
