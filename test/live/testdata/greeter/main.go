// Command greeter is all that is in the tests' containers. Without arguments it
// greets on TCP ports 80 and 9100 to 9111 and echoes on UDP port 53; with
// "dial ADDRESS" it connects by TCP and prints what it is greeted with.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "dial" {
		dial(os.Args[2])
		return
	}
	for port := 9100; port <= 9111; port++ {
		go greet(port)
	}
	go echo()
	greet(80)
}

// patience is long enough for TCP to repeat a SYN twice: a bridge that Docker has
// just made may lose the first.
const patience = 4 * time.Second

func dial(address string) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	c.SetDeadline(time.Now().Add(patience))
	io.Copy(os.Stdout, c)
}

func greet(port int) {
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		panic(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(c, "hello\n")
		c.Close()
	}
}

func echo() {
	c, err := net.ListenPacket("udp", ":53")
	if err != nil {
		panic(err)
	}
	buffer := make([]byte, 2048)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			return
		}
		c.WriteTo(buffer[:n], from)
	}
}
