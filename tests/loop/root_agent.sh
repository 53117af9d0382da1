#!/bin/sh
# A root agent as one writes it from the help of an older loop: it knows "_ wait", "_ answer" and the writing verbs, nothing of ours.
set -u
L="$LOOOP_BIN"
seen=0
say() { echo "$*" >> "$LOOOP_REPORTS_DIR/agent.log"; }

"$L" _ goal write inbox "goal: nothing waits in the inbox" --journal "root: begin" > /dev/null || exit 3
printf '# PLAYBOOK\n\n- answer what is small\n- ask the founder what is not\n' | "$L" _ playbook write > /dev/null || exit 4
"$L" _ sensor write inbox 'cat "$LOOOP_DATA_DIR/reports/inbox"' --journal "root: watch the inbox" > /dev/null || exit 5

while :; do
  state=$("$L" _ wait --json --timeout 30) || { say "wait ended with $?"; exit 6; }
  changed=$(printf '%s' "$state" | python3 -c 'import json,sys; print(" ".join(json.load(sys.stdin)["changed"]))')
  say "woke: $changed"
  for id in $(printf '%s' "$state" | python3 -c 'import json,sys
for one in json.load(sys.stdin)["asks"]:
    if one["worker"].startswith("clean"): print(one["id"])'); do
    "$L" _ answer "$id" yes, the blue one > /dev/null && say "answered $id"
  done
  inbox=$(printf '%s' "$state" | python3 -c 'import json,sys; print(json.load(sys.stdin)["snapshots"].get("sensor-inbox", ""))')
  case "$inbox" in
    *towels*) if [ "$seen" -lt 1 ]; then seen=1
      "$L" _ run 'ls goals | wc -l' --reason "how many goals" 2>> "$LOOOP_REPORTS_DIR/agent.log" > /dev/null || say "run failed"
      "$L" _ notify "Towels are ordered." --id inbox > /dev/null && say "told" || say "notify failed"
    fi ;;
    *boiler*) if [ "$seen" -lt 2 ]; then seen=2
      "$L" _ run rm -rf ./reports/old --reason "make room" > /dev/null 2>> "$LOOOP_REPORTS_DIR/agent.log" && say "it ran?"
    fi ;;
    *done*)
      "$L" _ goal archive inbox > /dev/null || exit 7
      say "end"; exit 0 ;;
  esac
done
