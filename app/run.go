package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/automobilepay/mobilepay/config"
)

// ErrUsage says that the command line was wrong; what is right has been printed.
var ErrUsage = errors.New("wrong usage")

// command is something that the program does. A new one is an entry in the table of
// its noun.
type command struct {
	name  string // one or more words
	takes string // what comes with it beside flags, a word each; "WORD..." is one or more
	about string // what usage says of it, each line under the one before; of several, the first may speak for all
	needs config.Needs
	bare  bool // it reads no settings at all
	// bind declares the command's flags and returns what carries it out.
	bind func(*flag.FlagSet) action
}

type action func(context.Context, call) error

// call is a command line that was right.
type call struct {
	cfg         config.Config
	args        []string  // what the command takes
	stdout, out io.Writer // for what was asked for, and for what there is to tell
}

// does is bind for a command without flags.
func does(do action) func(*flag.FlagSet) action { return func(*flag.FlagSet) action { return do } }

// commands are all commands, as usage lists them.
func commands() []command {
	return slices.Concat(serverCommands, auditCommands, backupCommands, opsCommands(), messageCommands, statementCommands, partnerCommands, webhookCommands, seedCommands, keyCommands, schemaCommands)
}

// Run carries out a command line, without the program's name, until it is done or
// ctx ends. What was asked for goes to stdout, and what there is to tell to out.
func Run(ctx context.Context, args, environ []string, stdout, out io.Writer) error {
	c, args := find(args)
	err := ErrUsage
	if c != nil {
		err = c.run(ctx, args, environ, stdout, out)
	}
	if errors.Is(err, ErrUsage) {
		_, _ = io.WriteString(out, usage(c != nil && strings.HasPrefix(c.name, "ops")))
	}
	return err
}

// find is the command that a line begins with, and the rest of the line; nil where
// there is none.
func find(args []string) (*command, []string) {
	if len(args) == 0 {
		args = []string{"serve"}
	}
	all := commands()
	for n := min(len(args), 3); n > 0; n-- { // "ops file resend" before "ops"
		name := strings.Join(args[:n], " ")
		if i := slices.IndexFunc(all, func(c command) bool { return c.name == name }); i >= 0 {
			return &all[i], args[n:]
		}
	}
	return nil, nil
}

func (c *command) run(ctx context.Context, args, environ []string, stdout, out io.Writer) error {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {} // printed by Run
	do := c.bind(flags)
	var taken []string
	for len(args) > 0 { // flags may come before and after what the command takes
		if flags.Parse(args) != nil {
			return ErrUsage
		}
		if args = flags.Args(); len(args) > 0 {
			taken, args = append(taken, args[0]), args[1:]
		}
	}
	if want := len(strings.Fields(c.takes)); len(taken) < want || len(taken) > want && !strings.HasSuffix(c.takes, "...") {
		return ErrUsage
	}
	var cfg config.Config
	if !c.bare {
		var err error
		if cfg, err = config.Load(environ, c.needs); err != nil {
			return err
		}
	}
	return do(ctx, call{cfg: cfg, args: taken, stdout: stdout, out: out})
}

// usage lists the commands: those of operators, or all others.
func usage(ops bool) string {
	var b strings.Builder
	if ops {
		b.WriteString("usage: mobilepay ops COMMAND\n\n")
	} else {
		b.WriteString("usage: mobilepay [command]\n\n")
	}
	for _, c := range commands() {
		of, isOps := strings.CutPrefix(c.name, "ops ")
		if isOps != ops || c.about == "" {
			continue
		}
		about := strings.Split(c.about, "\n")
		if name, _, _ := strings.Cut(c.name, " "); !ops && len(name) <= 10 {
			fmt.Fprintf(&b, "  %-10s %s\n", name, about[0])
			about = about[1:]
		} else {
			fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(of+" "+c.takes))
		}
		for _, line := range about {
			fmt.Fprintf(&b, "             %s\n", line)
		}
	}
	if ops {
		b.WriteString(opsNote)
	} else {
		b.WriteString("\nSettings come from the environment; README.md lists them.\n")
	}
	return b.String()
}
