package manual

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Shells lists the shells that are completed in.
var Shells = []string{"bash", "zsh", "fish"}

// place is a command line so far, and what may come next in it.
type place struct {
	words    string // "domain add", empty: none yet
	commands []option
	flags    []option
}

type option struct{ name, help string }

// Completion returns a shell's script. The script holds every command and
// flag: completing starts no program.
func Completion(app *kong.Application, shell string) string {
	all := places(app.Node, "")
	switch shell {
	case "bash":
		return bash(all)
	case "zsh":
		// zsh reads bash's scripts.
		return "#compdef gomail\nautoload -U +X bashcompinit && bashcompinit\n" + bash(all)
	}
	return fish(all)
}

func places(n *kong.Node, words string) []place {
	p := place{words: words}
	for node := n; node != nil; node = node.Parent {
		for _, f := range node.Flags {
			if !f.Hidden {
				p.flags = append(p.flags, option{"--" + f.Name, f.Help})
			}
		}
	}
	var below []place
	for _, c := range n.Children {
		if c.Hidden {
			continue
		}
		p.commands = append(p.commands, option{c.Name, c.Help})
		below = append(below, places(c, strings.TrimSpace(words+" "+c.Name))...)
	}
	return append([]place{p}, below...)
}

func names(all []option) string {
	var list []string
	for _, o := range all {
		list = append(list, o.name)
	}
	return strings.Join(list, " ")
}

func bash(all []place) string {
	var b strings.Builder
	b.WriteString("_gomail() {\n  local cur words='' w commands='' flags=''\n  cur=${COMP_WORDS[COMP_CWORD]}\n" +
		"  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case \"$words $w\" in\n")
	for _, p := range all[1:] {
		fmt.Fprintf(&b, "      ' %s') words=' %s' ;;\n", p.words, p.words)
	}
	b.WriteString("    esac\n  done\n  case \"$words\" in\n")
	for _, p := range all {
		words := p.words
		if words != "" {
			words = " " + words
		}
		fmt.Fprintf(&b, "    '%s') commands='%s' flags='%s' ;;\n", words, names(p.commands), names(p.flags))
	}
	b.WriteString("  esac\n  case \"$cur\" in\n    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\")) ;;\n" +
		"    *) COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\")) ;;\n  esac\n" +
		"  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -F _gomail gomail\n")
	return b.String()
}

func fish(all []place) string {
	var b strings.Builder
	b.WriteString("function __gomail_at\n  set -l words (string match -v -- '-*' (commandline -opc)[2..])\n  test \"$words\" = \"$argv\"\nend\n")
	for _, p := range all {
		for _, o := range p.commands {
			fmt.Fprintf(&b, "complete -c gomail -f -n '__gomail_at %s' -a %s -d %s\n", p.words, o.name, quote(o.help))
		}
		for _, o := range p.flags {
			fmt.Fprintf(&b, "complete -c gomail -n '__gomail_at %s' -l %s -d %s\n", p.words, strings.TrimPrefix(o.name, "--"), quote(o.help))
		}
	}
	return b.String()
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `\'`) + "'" }
