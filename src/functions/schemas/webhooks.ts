/** Webhook endpoints, their deliveries, and what a webhook says. */
import { z } from '@hono/zod-openapi';
import { DEFAULT_EVENTS, SAMPLE_EVENTS } from '../../durable/job/event-names.ts';
import { MAX_URL_LENGTH } from '../limits.ts';
import { givenTime, timestamp } from './time.ts';

const url = z
  .url({ error: 'expected an absolute URL' })
  .max(MAX_URL_LENGTH)
  .openapi({ example: 'https://example.com/hooks/cairn' });
const description = z.string().trim().max(500);

export const sampleEvent = z
  .enum(SAMPLE_EVENTS, { error: `expected one of ${SAMPLE_EVENTS.join(', ')}` })
  .openapi('WebhookEventType', {
    description:
      'sample.started: the first step was taken. sample.paused, sample.resumed: by a call; a failed sample that is taken up again is resumed too. The others are ends.',
  });

export const eventFilter = z
  .array(sampleEvent)
  .min(1)
  .refine((events) => new Set(events).size === events.length, { error: 'expected each event once' })
  .openapi({ description: `What it is told of; by default ${DEFAULT_EVENTS.join(', ')}.` });

export const webhookEndpointRequest = z
  .strictObject({
    url,
    events: eventFilter.optional(),
    description: description
      .optional()
      .openapi({ description: 'What it is for.', example: 'orders, production' }),
  })
  .openapi('WebhookEndpointRequest');

export const webhookEndpointPatch = z
  .strictObject({
    url: url.optional(),
    events: eventFilter.optional(),
    description: description.optional(),
    enabled: z.boolean().optional().openapi({
      description:
        'false: nothing is sent to it, and what is pending becomes a dead letter. true: forgets why it was disabled.',
    }),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    error: 'expected url, events, description or enabled',
  })
  .openapi('WebhookEndpointPatch');

export const webhookEndpoint = z
  .object({
    id: z.string().openapi({ example: 'whe_5mafr3c5y3xq0v1k2h7t9bn8de' }),
    url: z.url(),
    events: z.array(sampleEvent),
    description: z.string(),
    created_at: timestamp,
    disabled: z
      .object({
        at: timestamp,
        reason: z.enum(['by_user', 'gone', 'failing']),
        detail: z.string(),
      })
      .nullable()
      .openapi({
        description:
          'Not null: nothing is sent to it. by_user: by PATCH. gone: it answered 410. failing: nothing arrived for five days and a delivery used up its schedule.',
      }),
    failing_since: timestamp
      .nullable()
      .openapi({ description: 'The first failure after which nothing arrived.' }),
    previous_secret_until: timestamp
      .nullable()
      .openapi({ description: 'Until when the secret before the last rotation signs as well.' }),
  })
  .openapi('WebhookEndpoint');

export const newWebhookEndpoint = webhookEndpoint
  .extend({
    secret: z.string().openapi({
      description: 'Signs what is sent to it (Standard Webhooks). It is never shown again.',
      example: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
    }),
  })
  .openapi('NewWebhookEndpoint');

export const webhookEndpointList = z
  .object({ data: z.array(webhookEndpoint) })
  .openapi('WebhookEndpointList');

/** A day: a receiver changes over within hours. */
const DEFAULT_GRACE_SECONDS = 86_400;
const MAX_GRACE_SECONDS = 30 * 86_400;

export const rotateSecretRequest = z
  .strictObject({
    grace_seconds: z.int().min(0).max(MAX_GRACE_SECONDS).default(DEFAULT_GRACE_SECONDS).openapi({
      description: 'How long the old secret goes on signing beside the new one.',
    }),
  })
  .openapi('RotateSecretRequest');

export const webhookTestResponse = z
  .object({
    message_id: z.string().openapi({ description: 'The header webhook-id.' }),
    result: z.enum(['2xx', '3xx', '4xx', '5xx', 'other', 'no_answer', 'refused']).openapi({
      description:
        'Class of the answer. no_answer: none within the time-out. refused: not sent, the URL may not be reached.',
    }),
    delivered: z.boolean(),
  })
  .openapi('WebhookTest');

export const deliveryStatus = z.enum(['pending', 'delivered', 'dead']).openapi('WebhookDeliveryStatus', {
  description:
    'pending: to be attempted at next_attempt_at. delivered: answered with 2xx. dead: given up; redeliver starts it again.',
});

export const webhookAttempt = z
  .object({
    at: timestamp,
    duration_ms: z.int(),
    status_code: z.int().nullable().openapi({ description: 'null: there was no answer.' }),
    result: z.string(),
  })
  .openapi('WebhookAttempt');

export const webhookDelivery = z
  .object({
    id: z.string().openapi({ example: 'whd_5mafr3c5y3xq0v1k2h7t9bn8de' }),
    message_id: z
      .string()
      .openapi({ description: 'The header webhook-id: the same over retries, redeliveries and receivers.' }),
    event: sampleEvent,
    sample: z.string(),
    endpoint: z.string().nullable().openapi({ description: "null: the sample's own URL." }),
    url: z.url(),
    status: deliveryStatus,
    created_at: timestamp,
    attempts: z.int().openapi({ description: 'Since it was last started: its place in the schedule.' }),
    next_attempt_at: timestamp.nullable(),
    last_result: z.string().nullable(),
    last_attempt: webhookAttempt.nullable(),
  })
  .openapi('WebhookDelivery');

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;

const deliveryFilter = {
  endpoint: z.string().max(100).optional(),
  sample: z.string().max(100).optional(),
  status: deliveryStatus.optional(),
  event: sampleEvent.optional(),
  since: givenTime.optional().openapi({ description: 'Of the event, as it came to be delivered; included.' }),
  until: givenTime.optional().openapi({ description: 'The same; not included.' }),
};

export const webhookDeliveryQuery = z.strictObject({
  limit: z.coerce
    .number({ error: 'expected a whole number' })
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .default(DEFAULT_LIMIT),
  cursor: z.string().max(200).optional().openapi({ description: 'next_cursor of the page before.' }),
  ...deliveryFilter,
});

export const webhookDeliveryList = z
  .object({
    data: z.array(webhookDelivery),
    next_cursor: z.string().nullable().openapi({ description: 'null: this is the last page.' }),
  })
  .openapi('WebhookDeliveryList');

export const webhookDeliveryDetail = webhookDelivery
  .extend({
    log: z.array(webhookAttempt).openapi({ description: 'Every attempt, oldest first; the latest 100.' }),
    body: z.string().openapi({ description: 'The bytes that are sent.' }),
  })
  .openapi('WebhookDeliveryDetail');

export const redeliverRequest = z
  .strictObject({
    ...deliveryFilter,
    since: deliveryFilter.since.unwrap(),
    status: z.enum(['dead', 'delivered']).default('dead'),
  })
  .openapi('RedeliverRequest');

export const redeliverResponse = z
  .object({
    redelivered: z.int(),
    more: z.boolean().openapi({ description: 'Whether there may be more: send the request again.' }),
  })
  .openapi('RedeliverResponse');

/** The body of a webhook. */
export const sampleWebhookEvent = z
  .object({
    type: sampleEvent,
    timestamp: timestamp.openapi({ description: 'When it happened.' }),
    data: z.object({
      id: z.string(),
      status: z.enum(['running', 'paused', 'succeeded', 'failed', 'canceled']),
      created_at: timestamp,
      started_at: timestamp.nullable(),
      finished_at: timestamp.nullable(),
      error: z.object({ code: z.string(), message: z.string() }).nullable(),
      metadata: z
        .record(z.string(), z.string())
        .nullable()
        .openapi({ description: 'null: too large for a webhook; the sample has it.' }),
      grid: z.url().nullable(),
      urls: z.object({ self: z.url() }),
      request: z.object({
        model: z.string(),
        sampler: z.string(),
        steps: z.string(),
        seed: z.int(),
        count: z.int(),
      }),
    }),
  })
  .openapi('WebhookEvent', {
    description: 'Thin, below 20 KB. The links need a key.',
  });

export type WebhookEndpointRequest = z.infer<typeof webhookEndpointRequest>;
export type WebhookEndpointPatch = z.infer<typeof webhookEndpointPatch>;
export type WebhookEndpointResponse = z.infer<typeof webhookEndpoint>;
export type NewWebhookEndpointResponse = z.infer<typeof newWebhookEndpoint>;
export type WebhookEndpointListResponse = z.infer<typeof webhookEndpointList>;
export type WebhookTestResponse = z.infer<typeof webhookTestResponse>;
export type WebhookDeliveryQuery = z.infer<typeof webhookDeliveryQuery>;
export type WebhookDeliveryResponse = z.infer<typeof webhookDelivery>;
export type WebhookDeliveryListResponse = z.infer<typeof webhookDeliveryList>;
export type WebhookDeliveryDetailResponse = z.infer<typeof webhookDeliveryDetail>;
export type RedeliverRequest = z.output<typeof redeliverRequest>;
export type RedeliverRequestInput = z.input<typeof redeliverRequest>;
export type RedeliverResponse = z.infer<typeof redeliverResponse>;
export type SampleWebhookEvent = z.infer<typeof sampleWebhookEvent>;
