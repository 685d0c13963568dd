package check

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/profile"
)

// ftpPort is that of FTP's control connection.
const ftpPort = 21

// passiveFTP warns of a service that states FTP's port, where no service states a
// range of ports: in passive mode, which all clients use today, the data comes to a
// port of the server's choice (RFC 1123, 4.1.2.6), and no bundle loads conntrack's
// helper for FTP.
func passiveFTP(p *profile.Profile) diag.List {
	isRange := func(port profile.Port) bool { return port.Protocol == profile.TCP && port.First < port.Last }
	for _, s := range p.Services {
		if slices.ContainsFunc(s.Ports, isRange) {
			return nil
		}
	}
	for _, s := range p.Services {
		for _, port := range s.Ports {
			if port.Protocol == profile.TCP && port.First == ftpPort {
				return diag.List{{
					Code: "no-passive-ports", Severity: diag.Warning, Position: port.Position, Subject: "services." + s.Name + ".ports",
					Message:    "FTP sends data by another connection, to a port that no service states: a login works, and then listings and downloads hang",
					Suggestion: `add a range, such as ports = ["tcp/21", "tcp/50000-50100"], and state the same range in the FTP server (vsftpd: pasv_min_port and pasv_max_port)`,
				}}
			}
		}
	}
	return nil
}
