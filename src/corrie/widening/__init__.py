"""A model that exists, made to stand more: a short run of GO in which it is its own teacher.

=======================  ===========================================================================================
``course``               everything that decides what a run ends in, fixed before its first step
``divergence``           the loss: how far the moved model is from the unmoved one, nats a token, with its gradient
``equivalents``          rescalings of its weights that leave its function as it is
``sensitivity``          how much noise on each weight costs
``balance``              the widest of the models that say the same, before any step
``descent``              the steps: pairs ±ε, the trained tensors, their schedule
``kept_state``           where a run stands, in a file: killed and resumed it ends in the same weights
``texts``                the text that is read: files, folders, tasks
``own_writing``          or what the model writes by itself
``rounds``               which batch or example comes next
``lessons``              the text as batches, with what the unmoved model says of each
``labelled``             labelled examples that are learned beside
``loggers``              who else is notified of the steps: TensorBoard, Weights & Biases
``low_rank``             adapters that are trained in the weights' place
``measuring``            how far the basin reaches before and after, and what the change costs
``making``               all of it in one resumable go
=======================  ===========================================================================================
"""
