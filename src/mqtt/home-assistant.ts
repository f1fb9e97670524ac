export interface DeviceOptions {
  readonly id: string;
  /** Topics lie under it. */
  readonly base: string;
  readonly eventTypes: readonly string[];
  readonly commands: boolean;
  readonly voiceMail?: boolean;
  readonly screening?: boolean;
}

/** The payload of Home Assistant's device discovery (2024.11 and later): one message describes all entities. */
export function deviceDescription(options: DeviceOptions): object {
  const { id, base, eventTypes, commands, voiceMail = false, screening = false } = options;
  const unique = (name: string) => ({ unique_id: `copperring_${id}_${name}`, name: name.replaceAll('_', ' ') });
  const sensor = (name: string, topic: string, template: string) => ({
    platform: 'sensor',
    ...unique(name),
    state_topic: `${base}/${topic}`,
    value_template: template,
  });
  const binary = (name: string, topic: string, template: string, deviceClass: string) => ({
    ...sensor(name, topic, template),
    platform: 'binary_sensor',
    device_class: deviceClass,
    payload_on: 'True',
    payload_off: 'False',
  });
  const components: Record<string, object> = {
    line_state: sensor('line_state', 'line', '{{ value_json.state }}'),
    line_present: binary('line_present', 'line', '{{ value_json.present }}', 'connectivity'),
    overlay_joined: binary('overlay_joined', 'overlay', '{{ value_json.joined }}', 'connectivity'),
    call_state: sensor('call_state', 'call', '{{ value_json.state }}'),
    caller: sensor('caller', 'call', '{{ value_json.caller or "" }}'),
    caller_name: sensor('caller_name', 'call', '{{ value_json.caller_name or "" }}'),
    last_disconnect_reason: sensor('last_disconnect_reason', 'call', '{{ value_json.last_end or "" }}'),
    events: { platform: 'event', ...unique('events'), state_topic: `${base}/event`, event_types: eventTypes },
  };
  if (voiceMail) {
    components.voice_mail = {
      ...sensor('voice_mail', 'voicemail', '{{ value_json.new }}'),
      json_attributes_topic: `${base}/voicemail`,
    };
  }
  if (screening) components.blocked_callers = sensor('blocked_callers', 'screening', '{{ value_json.block }}');
  const button = (name: string, payload: string) => ({
    platform: 'button',
    ...unique(name),
    command_topic: `${base}/command`,
    payload_press: payload,
  });
  if (commands) components.hangup = button('hangup', 'hangup');
  if (commands && screening) components.block_last_caller = button('block_last_caller', 'block-last');
  return {
    device: { identifiers: [`copperring_${id}`], name: `Copperring ${id}`, manufacturer: 'Copperring' },
    origin: { name: 'Copperring' },
    availability: [{ topic: `${base}/availability` }],
    components,
  };
}
