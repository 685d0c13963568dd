package lockout

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Ansible, far away, moves a bare host over the connection that it keeps open
// from task to task, and confirms from a new one; conntrack has seen nothing
// before. A second run finds nothing to do.
func TestAnsibleOverSSH(t *testing.T) {
	stage.Bare(t, "nft")
	run.Tool(t, "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0")
	d, control := newSSHD(t), lab.NewNetwork(t).Host("control", callerV4, callerV6)
	folder := filepath.Dir(testfile.Write(t, "profile.toml", "version = 1\ninclude = [\"builtin:web\"]\n[access]\nadmin = [\""+callerV4+"\"]\n"))
	cmd := control.Command(t.Context(), "ansible-playbook", "-i", lab.ServerV4+",", "-u", "root", "--private-key", filepath.Join(d.folder, "user"),
		"-e", "ansible_become=false", "-e", "hardenctl_binary="+run.Binary(t), "-e", "hardenctl_profile_src="+folder,
		"-e", "hardenctl_profile=/etc/hardenctl/site/profile.toml", "-e", "hardenctl_confirm_within=5m", "../../../deploy/ansible/playbook.yml")
	cmd.Env = append(os.Environ(), "HOME="+d.folder, "ANSIBLE_REMOTE_TMP="+d.folder+"/remote", "TMPDIR="+d.folder,
		"ANSIBLE_NOCOLOR=1", "ANSIBLE_FORCE_COLOR=0", "LC_ALL=C.UTF-8", "ANSIBLE_SSH_CONTROL_PATH_DIR="+d.folder,
		"ANSIBLE_HOST_KEY_CHECKING=False", "ANSIBLE_SSH_COMMON_ARGS=-F none -o UserKnownHostsFile=/dev/null -o IdentityAgent=none")
	out, code := run.Outcome(t, cmd)
	if code != 0 {
		t.Fatalf("the play fails:\n%s", out)
	}
	require.Contains(t, out, "TASK [Confirm]", "changed=2 ")
	if n := len(run.History(t)); n != 1 {
		t.Errorf("%d applies were confirmed, want 1", n)
	}
	run.Expect(t, 0, "plan", "/etc/hardenctl/site/profile.toml", "--detailed-exitcode")
}
