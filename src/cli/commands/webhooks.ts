/** `cairn webhooks`: endpoints of the account, and what was delivered to them. */
import { Command } from 'commander';
import { deliveriesCommand, deliveryCommand, redeliverCommand } from './webhook-deliveries.ts';
import {
  createCommand,
  deleteCommand,
  disableCommand,
  enableCommand,
  listCommand,
  rotateCommand,
  testCommand,
  updateCommand,
} from './webhook-endpoints.ts';

const COMMANDS = [
  createCommand,
  listCommand,
  updateCommand,
  disableCommand,
  enableCommand,
  rotateCommand,
  testCommand,
  deleteCommand,
  deliveriesCommand,
  deliveryCommand,
  redeliverCommand,
];

export function webhooksCommand(): Command {
  const group = new Command('webhooks').description(
    'Make, change, test and delete webhook endpoints; see deliveries and send them again.',
  );
  for (const create of COMMANDS) group.addCommand(create());
  return group;
}
