/** Another class or scale for a sample: from now on while it runs, or from a kept step in a fork. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ForkRequest, ModelResponse, SamplePatch } from '../../../client/index.ts';
import { ClassPicker } from '../form/class-picker.tsx';
import { type ClassChoice, classFields, guidanceOf, keepEvery, type ScaleChoice } from '../form/draft.ts';
import { Notes, NumberField } from '../form/field.tsx';
import { classChoiceOf, scaleChoiceFrom, scaleChoiceOf } from '../form/from-sample.ts';
import { NO_PROBLEMS, type Problems, problemsOf } from '../form/problems.ts';
import { ScalePicker } from '../form/scale-picker.tsx';
import { Segments } from '../form/segments.tsx';
import type { Run } from '../run/run.ts';
import { Dialog } from './dialog.tsx';

const FIELDS = ['class', 'guidance_scale', 'sampler', 'steps', 'seed'];

interface CourseDialogProps {
  readonly run: Run;
  readonly letter: string;
  readonly model: ModelResponse;
  readonly onClose: () => void;
}

interface SteerDialogProps extends CourseDialogProps {
  readonly onSteer: (patch: SamplePatch) => Promise<void>;
}

/** Changes a sample while it runs. */
export function SteerDialog({ run, letter, model, onSteer, onClose }: SteerDialogProps) {
  const [classes, setClasses] = useState(classChoiceOf(run.sample));
  const [scale, setScale] = useState(scaleChoiceOf(run.sample, model));
  return (
    <CourseForm
      title={`Steer ${letter}`}
      lead="Holds from the next step on. What was drawn so far stays."
      action="Change course"
      model={model}
      classes={classes}
      scale={scale}
      steps={String(run.steps)}
      onClasses={setClasses}
      onScale={setScale}
      onClose={onClose}
      onSubmit={() => onSteer({ ...classFields(classes), guidance_scale: guidanceOf(scale) })}
    />
  );
}

interface ForkDialogProps extends CourseDialogProps {
  /** Steps taken where it leaves. */
  readonly step: number;
  readonly onFork: (request: ForkRequest) => Promise<void>;
}

/** Leaves a sample at a kept step. */
export function ForkDialog({ run, letter, model, step, onFork, onClose }: ForkDialogProps) {
  const [classes, setClasses] = useState(classChoiceOf(run.sample));
  const [scale, setScale] = useState(scaleChoiceFrom(run.sample, model, step));
  const [sampler, setSampler] = useState(run.sample.request.sampler === 'ddim' ? 'ddim' : 'ddpm');
  const left = run.steps - step;
  const [steps, setSteps] = useState(String(left));
  const [seed, setSeed] = useState(String(run.sample.request.seed));
  return (
    <CourseForm
      title={`Fork ${letter} at step ${step}`}
      lead={`The first ${step} of ${run.steps} steps are shared; from there it goes its own way.`}
      action="Fork"
      model={model}
      classes={classes}
      scale={scale}
      steps={steps}
      onClasses={setClasses}
      onScale={setScale}
      onClose={onClose}
      onSubmit={() =>
        onFork({
          step,
          ...classFields(classes),
          guidance_scale: guidanceOf(scale),
          ...(sampler !== run.sample.request.sampler && { sampler: sampler === 'ddim' ? 'ddim' : 'ddpm' }),
          ...(steps !== String(left) && { steps: Number(steps) }),
          ...(seed !== String(run.sample.request.seed) && { seed: Number(seed) }),
          keep_trajectory: { every: keepEvery(Number(steps) || left), what: 'both' },
          preview_every: 1,
        })
      }
    >
      {(problems) => (
        <>
          <div class="field">
            <p class="label" aria-hidden="true">
              Sampler from here
            </p>
            <Segments
              name="fork-sampler"
              label="Sampler from here"
              value={sampler}
              options={[
                ['ddpm', 'DDPM'],
                ['ddim', 'DDIM'],
              ]}
              onChange={setSampler}
            />
            <Notes id="fork-sampler" problem={problems.fields.sampler} />
          </div>
          <div class="pair">
            <NumberField
              id="fork-steps"
              label="Steps from here"
              value={steps}
              min={1}
              problem={problems.fields.steps}
              onChange={setSteps}
            />
            <NumberField
              id="fork-seed"
              label="Seed from here"
              value={seed}
              min={0}
              problem={problems.fields.seed}
              onChange={setSeed}
            />
          </div>
        </>
      )}
    </CourseForm>
  );
}

interface CourseFormProps {
  readonly title: string;
  readonly lead: string;
  readonly action: string;
  readonly model: ModelResponse;
  readonly classes: ClassChoice;
  readonly scale: ScaleChoice;
  /** That a list of scales is for. */
  readonly steps: string;
  readonly onClasses: (classes: ClassChoice) => void;
  readonly onScale: (scale: ScaleChoice) => void;
  readonly onSubmit: () => Promise<void>;
  readonly onClose: () => void;
  readonly children?: (problems: Problems) => JSX.Element;
}

function CourseForm(props: CourseFormProps) {
  const { title, lead, action, model, classes, scale, steps, children } = props;
  const { onClasses, onScale, onSubmit, onClose } = props;
  const [problems, setProblems] = useState<Problems>(NO_PROBLEMS);
  const [busy, setBusy] = useState(false);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          if (busy) return;
          setBusy(true);
          try {
            await onSubmit();
            onClose();
          } catch (error) {
            setProblems(problemsOf(error, FIELDS));
          } finally {
            setBusy(false);
          }
        }}
      >
        <p>{lead}</p>
        {model.classes.length > 0 && (
          <ClassPicker
            id="course-class"
            model={model}
            value={classes}
            problem={problems.fields.class}
            onChange={onClasses}
          />
        )}
        {model.guided && (
          <ScalePicker
            id="course-scale"
            model={model}
            value={scale}
            steps={steps}
            problem={problems.fields.guidance_scale}
            onChange={onScale}
          />
        )}
        {children?.(problems)}
        {problems.general !== null && (
          <p class="problem" role="alert">
            {problems.general}
          </p>
        )}
        <div class="submit">
          <button type="submit" class="primary" aria-disabled={busy}>
            {action}
          </button>
          <button type="button" class="quiet" onClick={onClose}>
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
