package wire

import (
	"fmt"
	"io"
	"net"
)

// Listen opens a port, such as "tcp" and ":22", in the namespace of the calling
// thread: for TCP, serve gets each connection on a goroutine of its own and closes
// it; for UDP, each datagram comes back, after echoed was called. The caller closes
// the port; connections that are open stay open.
func Listen(protocol, address string, serve func(net.Conn), echoed func()) (io.Closer, error) {
	switch protocol {
	case "tcp":
		l, err := net.Listen(protocol, address)
		if err != nil {
			return nil, err
		}
		go accept(l, serve)
		return l, nil
	case "udp":
		c, err := net.ListenPacket(protocol, address)
		if err != nil {
			return nil, err
		}
		go echoDatagrams(c, echoed)
		return c, nil
	}
	return nil, fmt.Errorf("cannot listen for %q: tcp or udp", protocol)
}

// Echo sends back what comes, until the client has no more.
func Echo(c net.Conn) {
	io.Copy(c, c)
	c.Close()
}

func accept(l net.Listener, serve func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go serve(c)
	}
}

func echoDatagrams(c net.PacketConn, echoed func()) {
	buffer := make([]byte, 2048)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			return
		}
		echoed()
		c.WriteTo(buffer[:n], from)
	}
}
